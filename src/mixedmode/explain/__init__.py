"""What logs say: phone consoles, status messages, traces, alarms, phone pages, pasted listings. Text in, values out."""
