"""What a person's photo shows: pose, face, hands, outline, labels. Empty, so that each part imports alone."""
