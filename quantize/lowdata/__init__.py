"""AD-Net's recipe for a few labelled pictures a class, beside plain training."""
