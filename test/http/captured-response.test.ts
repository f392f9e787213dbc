/** A client whose answer is captured: it notices nothing, and the capture hears everything once. */
import { describe, expect, it } from 'vitest'
import type { CaptureTap, ClientResponse } from '#actors/ports.ts'
import { providerId } from '#domain/ids.ts'
import { capturedResponse } from '#http/captured-response.ts'

const setUp = () => {
  const sent: string[] = []
  const heard: string[] = []
  const ends: Parameters<CaptureTap['end']>[0][] = []
  const client: ClientResponse = {
    started: () => sent.length > 0,
    start: (status) => void sent.push(`start ${status}`),
    write: (bytes) => sent.push(`write ${Buffer.from(bytes)}`) < 3,
    onDrain: () => undefined,
    end: (last) => void sent.push(`end ${Buffer.from(last ?? [])}`),
    destroy: () => void sent.push('destroy'),
  }
  const tap: CaptureTap = { answer: (bytes) => heard.push(String(Buffer.from(bytes))), end: (told) => ends.push(told) }
  return { ...capturedResponse(client, tap), sent, heard, ends }
}
const bytes = (text: string): Uint8Array => Buffer.from(text)
const alpha = providerId('alpha')

describe('a captured response', () => {
  it('passes everything on, with the client’s word on its pace', () => {
    const { client, over, sent, heard, ends } = setUp()
    client.start(200, [])
    expect(client.write(bytes('a'))).toBe(true)
    expect(client.write(bytes('b'))).toBe(false)
    client.end(bytes('c'))
    over(alpha)
    expect(sent).toEqual(['start 200', 'write a', 'write b', 'end c'])
    expect(heard).toEqual(['a', 'b', 'c'])
    expect(ends).toEqual([{ status: 200, complete: true, provider: alpha }])
  })

  it('tells of an answer that was broken off, and of one that never began', () => {
    const broken = setUp()
    broken.client.start(200, [])
    broken.client.write(bytes('a'))
    broken.client.destroy()
    broken.over(alpha)
    expect(broken.sent.at(-1)).toBe('destroy')
    expect(broken.ends).toEqual([{ status: 200, complete: false, provider: alpha }])
    const none = setUp()
    none.over(undefined)
    expect(none.ends).toEqual([{ status: undefined, complete: false, provider: undefined }])
    expect(none.heard).toEqual([])
  })

  it('has the status that went out first', () => {
    const { client, over, ends } = setUp()
    client.start(200, [])
    client.start(529, [])
    client.end()
    over(undefined)
    expect(ends).toEqual([{ status: 200, complete: true, provider: undefined }])
  })
})
