"""The one door of whoever administers: who it is, what he may, what is done and what the audit log says of it."""
