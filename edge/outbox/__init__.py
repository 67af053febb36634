"""What is owed to whom: events are on the disk before they are sent, and go once they arrived."""
