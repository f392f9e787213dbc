/**
 * FNV-1a with 64 bits over the UTF-8 bytes of a text, as 16 hex digits. The domain has no node:crypto, and needs none here:
 * the hash makes names short, legal and stable; nothing is kept secret by it. (A hashed user id cannot be turned back for
 * another reason: 64 bits do not hold the 400 random bits of device and session ids that went in.)
 */
export const fnvHash = (text: string): string => {
  let high = OFFSET_HIGH
  let low = OFFSET_LOW
  for (const byte of bytesOf(text)) {
    low = (low ^ byte) >>> 0
    // Times the prime 2^40 + 0x1b3, modulo 2^64, in halves of 32 bits; the product stays below 2^53.
    const product = low * PRIME_LOW
    const lowest = Math.imul(low, PRIME_LOW) >>> 0
    high = (Math.imul(high, PRIME_LOW) + (product - lowest) / TWO_32 + (low << 8)) >>> 0
    low = lowest
  }
  return hex(high) + hex(low)
}

/** UTF-8. Most texts are ASCII, and the encoder takes ten times as long as all the rest. */
const bytesOf = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > LAST_ASCII) return encoder.encode(text)
    bytes[at] = code
  }
  return bytes
}

const LAST_ASCII = 0x7f
const TWO_32 = 0x1_0000_0000
const OFFSET_HIGH = 0xcbf29ce4
const OFFSET_LOW = 0x84222325
const PRIME_LOW = 0x1b3
const encoder = new TextEncoder()

/** By a table: printing a number in another base goes through floating point. */
const hex = (half: number): string =>
  digits(half >>> 24) + digits((half >>> 16) & 0xff) + digits((half >>> 8) & 0xff) + digits(half & 0xff)
const digits = (byte: number): string => DIGITS[byte] ?? ''
const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
