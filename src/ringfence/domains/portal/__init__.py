"""The privacy portal of data subjects, who prove by a one-time code who they are."""
