"""What may be read and written on a CWMP router, and by whom: rows of parameters as data, judged like lines."""
