"""What the file services serve: names, folders, and configurations built on demand."""
