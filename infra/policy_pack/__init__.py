"""The platform team's rules as a Pulumi policy pack: run over every resource before it is made."""
