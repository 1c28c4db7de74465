"""What the pages of Cisco Unified Serviceability are made of: services under people's hands, and traces."""
