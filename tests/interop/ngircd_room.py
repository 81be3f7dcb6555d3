"""ngircd, over TLS: a room linked to a channel, and a channel entered as a room.

needs: slixmpp ngircd openssl
"""

from irc import Ngircd
from irc_rooms import play_with

play_with(Ngircd)
