/**
 * Headers that belong to one connection and never travel on: hop-by-hop ones (RFC 9110 7.6.1), and the length, which is
 * set anew with the body.
 */
export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
]
