"""Pictures: checked by their first bytes, decoded or taken as planes, cut into regions, and made
into what an artifact takes.
"""
