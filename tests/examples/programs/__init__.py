"""What the tests of examples run in processes of their own, besides the examples."""
