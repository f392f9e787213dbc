import { describe, expect, it } from '@effect/vitest'
import fc from 'fast-check'
import type { HeaderList } from '#actors/ports.ts'
import { withoutEcho } from '#infra/upstream/without-echo.ts'
import { listener } from './loopback.ts'

const KEY = 'sk-canary-0123456789abcdef'
const STARS = '*'.repeat(KEY.length)

/** What is heard of an answer that comes in these pieces. */
const answer = (status: number, pieces: readonly string[], headers: HeaderList = [], credential = KEY) => {
  const heard = listener()
  const told = withoutEcho(heard, credential)
  told.connected()
  told.headers(status, headers)
  for (const piece of pieces) told.data(Buffer.from(piece))
  told.end()
  return heard
}

describe('a credential that an error repeats', () => {
  it('is starred out, in the body and in headers, at the same length', () => {
    const body = `{"error":{"message":"Incorrect API key provided: ${KEY}. You sent Bearer ${KEY}"}}`
    const heard = answer(401, [body], [['x-debug', `Bearer ${KEY}`]])
    expect(heard.body().toString()).toBe(body.replaceAll(KEY, STARS))
    expect(heard.headerList()).toEqual([['x-debug', `Bearer ${STARS}`]])
    expect(heard.log).toEqual(['connected', 'headers', 'data', 'end'])
  })

  it('is starred out wherever the pieces are cut, and everything else stays', () => {
    const text = fc.array(fc.constantFrom(KEY, KEY.slice(0, 9), 'sk-', 's', '"', '\n', 'plain'), { maxLength: 8 })
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), (words, cuts) => {
        const body = words.join('')
        const at = [0, ...cuts.map((cut) => Math.min(cut, body.length)).toSorted((a, b) => a - b), body.length]
        const pieces = at.slice(1).map((end, index) => body.slice(at[index], end))
        expect(answer(500, pieces).body().toString()).toBe(body.replaceAll(KEY, STARS))
      }),
    )
  })
})

describe('what is left alone', () => {
  it('is an answer that is no error, byte for byte', () => {
    expect(
      answer(200, [KEY.slice(0, 5), KEY.slice(5)])
        .body()
        .toString(),
    ).toBe(KEY)
  })

  it('is what is too short to be a credential', () => {
    expect(answer(401, ['the word is key'], [], 'key').body().toString()).toBe('the word is key')
  })

  it('is the wish for a pause', () => {
    const told = withoutEcho(
      listener(() => false),
      KEY,
    )
    told.headers(500, [])
    expect(told.data(Buffer.from('wait'))).toBe(false)
    // Nothing was handed on, so nobody can have asked for a pause.
    expect(told.data(Buffer.from(KEY.slice(0, 4)))).toBe(true)
  })
})
