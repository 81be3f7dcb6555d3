"""InspIRCd with Atheme, over TLS and SASL PLAIN: a room linked to a channel, and a channel entered as a room.

needs: slixmpp inspircd atheme-services openssl
"""

from irc import Inspircd
from irc_rooms import play_with

play_with(Inspircd, account="rialto")
