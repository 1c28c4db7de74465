"""Commands about a node or a lab: its prompt, its phones, its devices, tokens and the CTL Client."""
