"""The reports of Cisco Unified Reporting, each a table that sorts, filters, prints and exports."""
