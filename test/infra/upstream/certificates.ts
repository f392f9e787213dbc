/**
 * Certificates made on the spot with node:crypto, so that no key lies in the repository and none expires. Only what a TLS
 * client checks is in them: names, validity, the authority flag.
 */
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'

export interface Identity {
  readonly certificate: string
  readonly key: string
}

export interface Authority extends Identity {
  /** A certificate of this authority for a host name or IPv4 address. */
  readonly issue: (host: string) => Identity
}

export const makeAuthority = (name: string): Authority => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = certificate({
    subject: name,
    issuer: name,
    publicKey: pair.publicKey,
    signer: pair.privateKey,
    host: undefined,
  })
  return {
    ...toIdentity(own, pair.privateKey),
    issue: (host) => {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return toIdentity(
        certificate({ subject: host, issuer: name, publicKey: leaf.publicKey, signer: pair.privateKey, host }),
        leaf.privateKey,
      )
    },
  }
}

const toIdentity = (der: Buffer, key: KeyObject): Identity => ({
  certificate: `-----BEGIN CERTIFICATE-----\n${der
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END CERTIFICATE-----\n`,
  key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
})

// DER, as little of it as X.509 needs.
const tlv = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, ...parts)
const oid = (...bytes: readonly number[]): Buffer => tlv(0x06, Buffer.from(bytes))
const TRUE = Buffer.from([0x01, 0x01, 0xff])
const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
const COMMON_NAME = oid(0x55, 0x04, 0x03)
const BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13)
const ALTERNATIVE_NAME = oid(0x55, 0x1d, 0x11)
const VALIDITY = sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x18, Buffer.from('20991231235959Z')))

const nameOf = (name: string): Buffer => sequence(tlv(0x31, sequence(COMMON_NAME, tlv(0x0c, Buffer.from(name)))))

const alternative = (host: string): Buffer =>
  /^\d+(\.\d+){3}$/.test(host) ? tlv(0x87, Buffer.from(host.split('.').map(Number))) : tlv(0x82, Buffer.from(host))

let serial = 1

const certificate = (of: {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly signer: KeyObject
  /** Undefined for an authority. */
  readonly host: string | undefined
}): Buffer => {
  const extension =
    of.host === undefined
      ? sequence(BASIC_CONSTRAINTS, TRUE, tlv(0x04, sequence(TRUE)))
      : sequence(ALTERNATIVE_NAME, tlv(0x04, sequence(alternative(of.host))))
  const body = sequence(
    tlv(0xa0, Buffer.from([0x02, 0x01, 0x02])),
    tlv(0x02, Buffer.from([serial++])),
    ECDSA_WITH_SHA256,
    nameOf(of.issuer),
    VALIDITY,
    nameOf(of.subject),
    of.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(extension)),
  )
  const signature = createSign('sha256').update(body).sign(of.signer)
  return sequence(body, ECDSA_WITH_SHA256, tlv(0x03, Buffer.from([0]), signature))
}
