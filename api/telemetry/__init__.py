"""What whoever operates the service sees of it: numbers, lines and traces. Never pictures, never secrets."""
