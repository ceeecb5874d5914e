"""How each command is carried out: generators that ask for RPCs, take the answers, and say what came of it. Pure.

`plans.choose.plan_of` finds the plan of a command; `drivers.cwmp.console` runs it.
"""
