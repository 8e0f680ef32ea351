"""What the tests of roots run in processes of their own."""
