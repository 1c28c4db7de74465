"""The faces for programs that were written for CUCM: AXL, RIS, Control Center and the user data service. Read only."""
