"""From what was asked to what the engine is asked: each step says what it did, and can be switched off."""
