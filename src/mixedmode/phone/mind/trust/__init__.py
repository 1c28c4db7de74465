"""What a phone trusts: the policy, what speaks for a file, what a list says, what is stored. PURE."""
