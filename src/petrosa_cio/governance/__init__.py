"""How what governs is written, checked and changed: policy, charter, trading state, regime."""
