#!/bin/sh
# Makes a CA and certificates for development with openssl: the same files that Rialto makes by itself.
#
#   certs/dev-ca.sh                  for localhost
#   certs/dev-ca.sh chat.example     for other domains; what is there already is left alone
set -eu
cd "$(dirname "$0")"
umask 077

[ $# -gt 0 ] || set -- localhost

if [ ! -e ca.pem ] && [ ! -e ca.key ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj "/CN=Rialto local CA $(openssl rand -hex 4)" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout ca.key -out ca.pem 2>/dev/null
    chmod 644 ca.pem
    echo "certs/ca.pem: made; this is what clients must trust"
fi

for domain; do
    if [ -e "$domain/fullchain.pem" ] || [ -e "$domain/privkey.pem" ]; then
        echo "certs/$domain: there already, left alone"
        continue
    fi
    names="DNS:$domain,DNS:rooms.$domain,DNS:irc.$domain"
    [ "$domain" != localhost ] || names="$names,IP:127.0.0.1,IP:::1"
    mkdir -p "$domain"
    extensions=$(mktemp)
    trap 'rm -f "$extensions"' EXIT
    cat >"$extensions" <<END
subjectAltName=$names
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$domain" \
        -keyout "$domain/privkey.pem" 2>/dev/null |
        openssl x509 -req -days 397 -CA ca.pem -CAkey ca.key -extfile "$extensions" \
            -out "$domain/fullchain.pem" 2>/dev/null
    chmod 644 "$domain/fullchain.pem"
    echo "certs/$domain: made"
done
