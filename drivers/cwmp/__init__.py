"""CWMP (TR-069): routers without a command line, spoken to by SOAP RPCs in sessions that the router begins."""
