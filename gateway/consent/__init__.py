"""The subscriber's consent: states and rules, the signed token, the statement."""
