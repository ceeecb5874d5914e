"""What may be sent: tables, strict lexers, resolver, decision. Pure."""
