"""What the tests of roots run in processes of their own, by the helpers of ``tests.support.programs``."""
