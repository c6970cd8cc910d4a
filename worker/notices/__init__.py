"""Outbound notices: who is told of what happens, and how.

announcing   what happened becomes jobs of the kind `send_notice`, in the transaction of the move itself
contents     what a notice says
signing      Standard Webhooks: the headers that prove it is ours
addresses    where a host's name leads, and whether we may go there
sending      one POST to an address that was checked
resting      which receivers are left alone for now
work         how a notice that is due is delivered, tried again or given up
"""
