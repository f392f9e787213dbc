import fc from 'fast-check'
import { assert, describe, it } from 'vitest'
import { type GateEvent, StreamGate } from '#actors/stream-gate.ts'
import { recordingClient, wire } from '#test/box.ts'

const HEADERS = [
  ['content-type', 'text/event-stream'],
  ['request-id', 'up_1'],
] as const
const KEEP_ALIVE = ': keep-alive\n\n'
const prelude = wire.start() + wire.ping + wire.block
const content = wire.delta('hello')
const ending = wire.blockStop + wire.finish
const whole = prelude + content + ending + wire.stop

/** A gate at second 0 with a client that records, and a clock in the test's hand. */
const given = (options: Parameters<typeof recordingClient>[0] = {}) => {
  let time = 0
  const client = recordingClient({ now: () => time, ...options })
  const gate = new StreamGate(
    client,
    { startedAt: 0, commitHeadersAfterMs: 15_000, keepAliveMs: 10_000 },
    [['x-signalbox-request-id', 'req_1']],
    () => time,
  )
  const take = (text: string): GateEvent => gate.take(new TextEncoder().encode(text))
  const begin = (hold = true) => gate.begin(200, HEADERS, hold)
  const wait = (ms: number) => {
    time += ms
    // The timekeeper's part, at every tick.
    while (gate.watch.due() <= time) gate.watch.fire(time)
  }
  return { client, seen: client.seen, gate, take, begin, wait }
}

describe('a gate before the first content', () => {
  it('shows the client nothing of an attempt that may still be replaced', () => {
    const { seen, gate, take, begin } = given()
    begin()
    assert.strictEqual(take(prelude), 'more')
    assert.strictEqual(seen.status, undefined)
    assert.strictEqual(seen.text, '')
    assert.strictEqual(gate.stage, 'S0')
    assert.isFalse(gate.opened)
    assert.strictEqual(new TextDecoder().decode(gate.heldBytes()), prelude)
  })

  it('forgets what it held when the next attempt begins', () => {
    const { seen, take, begin } = given()
    begin()
    take(wire.start('loser') + wire.ping)
    begin()
    take(whole)
    assert.isFalse(seen.text.includes('loser'))
  })

  it('lets everything held through, in order, with the first content, and the upstream’s status and headers', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(prelude)
    assert.strictEqual(take(content), 'more')
    assert.strictEqual(seen.text, prelude + content)
    assert.strictEqual(seen.status, 200)
    assert.deepStrictEqual(seen.headers, HEADERS)
    assert.strictEqual(gate.stage, 'S2')
    assert.isTrue(gate.relayed)
  })

  it('lets bytes through from the first on when nobody could take over', () => {
    const { seen, take, begin } = given()
    begin(false)
    take(wire.start())
    assert.strictEqual(seen.text, wire.start())
  })

  it('counts as content whatever a client acts on, unknown events and whole blocks too', () => {
    for (const binding of [
      'event: something_new\ndata: {"a":1}\n\n',
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"x"}}\n\n',
      wire.finish,
      wire.stop,
    ]) {
      const { seen, take, begin } = given()
      begin()
      take(wire.start())
      assert.strictEqual(seen.text, '')
      take(binding)
      assert.isTrue(seen.text.startsWith(wire.start()), binding)
    }
  })

  it('holds at most a megabyte, then lets the stream through', () => {
    const { seen, take, begin } = given()
    begin()
    take(wire.start())
    const filler = `: ${'x'.repeat(200_000)}\n\n`
    let sent = wire.start()
    while (seen.text === '' && sent.length < 3_000_000) {
      sent += filler
      take(filler)
    }
    assert.strictEqual(seen.text, sent)
    assert.isAbove(sent.length, 800_000)
    assert.isBelow(sent.length, 1_400_000)
  })

  it('keeps an error event to itself, with all that came before it', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(prelude)
    assert.strictEqual(take(wire.error('overloaded_error')), 'error')
    assert.strictEqual(seen.status, undefined)
    assert.strictEqual(new TextDecoder().decode(gate.heldBytes()), prelude + wire.error('overloaded_error'))
    assert.include(gate.reading.errorData ?? '', 'overloaded_error')
  })

  it('says when a stream cannot be read', () => {
    const { take, begin, seen } = given()
    begin()
    assert.strictEqual(take('event: message_start\ndata: {"type":\n\n'), 'malformed')
    assert.strictEqual(seen.status, undefined)
  })
})

describe('a gate that keeps its client company', () => {
  it('sends headers of our own after 15 s and a comment every 10 s', () => {
    const { seen, gate, wait } = given()
    wait(14_999)
    assert.strictEqual(seen.status, undefined)
    wait(1)
    assert.strictEqual(seen.status, 200)
    assert.strictEqual(seen.text, KEEP_ALIVE)
    assert.deepInclude(seen.headers, ['x-signalbox-request-id', 'req_1'])
    assert.strictEqual(Object.fromEntries(seen.headers)['content-type'], 'text/event-stream; charset=utf-8')
    assert.strictEqual(gate.stage, 'S1')
    assert.strictEqual(gate.watch.due(), 25_000)
    wait(9_999)
    assert.strictEqual(seen.text, KEEP_ALIVE)
    wait(1)
    assert.strictEqual(seen.text, KEEP_ALIVE + KEEP_ALIVE)
  })

  it('goes on through the attempts, and stays in stage S1 with a new one', () => {
    const { seen, gate, take, begin, wait } = given()
    begin()
    take(wire.start())
    wait(15_000)
    assert.strictEqual(gate.stage, 'S1')
    begin()
    assert.strictEqual(gate.stage, 'S1')
    wait(10_000)
    assert.strictEqual(seen.text, KEEP_ALIVE + KEEP_ALIVE)
    take(whole)
    gate.release()
    assert.strictEqual(seen.text, KEEP_ALIVE + KEEP_ALIVE + whole)
  })

  it('never speaks again once the upstream speaks', () => {
    const { seen, gate, take, begin, wait } = given()
    begin()
    wait(15_000)
    take(prelude + content)
    assert.strictEqual(gate.watch.due(), Number.POSITIVE_INFINITY)
    wait(300_000)
    assert.strictEqual(seen.text, KEEP_ALIVE + prelude + content)
  })
})

describe('a gate at the end of a stream', () => {
  it('holds message_stop back until the outcome is committed', () => {
    const { seen, gate, take, begin } = given()
    begin()
    assert.strictEqual(take(whole), 'stopped')
    assert.strictEqual(seen.text, prelude + content + ending)
    assert.isFalse(seen.ended)
    assert.strictEqual(take(': trailing comment\n\n'), 'more')
    assert.isFalse(seen.text.includes('trailing'))
    gate.release()
    assert.strictEqual(seen.text, `${whole}: trailing comment\n\n`)
    assert.isTrue(seen.ended)
  })

  it('holds back even a message_stop that comes in pieces, but for its beginning at most', () => {
    for (let cut = 1; cut < wire.stop.length; cut++) {
      const { seen, gate, take, begin } = given()
      begin()
      take(prelude + content + ending + wire.stop.slice(0, cut))
      assert.strictEqual(take(wire.stop.slice(cut)), 'stopped')
      assert.isFalse(seen.text.endsWith('\n\n') && seen.text.includes('message_stop'), `cut at ${cut}`)
      gate.release()
      assert.strictEqual(seen.text, whole)
    }
  })

  it('reaches stage S3 with the stop reason, and completes the stream there', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(prelude + content + ending)
    assert.strictEqual(gate.stage, 'S3')
    gate.complete()
    assert.strictEqual(seen.text, whole)
    assert.isTrue(seen.ended)
  })

  it('drops half a frame when it completes a stream', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(prelude + content + ending)
    take('event: pi')
    take('ng\nda')
    gate.complete()
    assert.strictEqual(seen.text, whole)
  })

  it('is not in stage S3 any more when the answer goes on behind its stop reason, until it gives another', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(prelude + content + wire.finish)
    assert.strictEqual(gate.stage, 'S3')
    take(wire.block)
    assert.strictEqual(gate.stage, 'S2')
    take(wire.delta('more') + wire.delta('half').slice(0, 20))
    assert.strictEqual(gate.stage, 'S2')
    take(wire.delta('half').slice(20) + wire.finish)
    assert.strictEqual(gate.stage, 'S3')
    const behind = wire.block + wire.delta('more') + wire.delta('half')
    assert.strictEqual(seen.text, prelude + content + wire.finish + behind + wire.finish)
  })

  it('relays pings after the stop reason as they come', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(`${prelude + content + ending}event: pi`)
    take(`${wire.ping.slice('event: pi'.length)}event: mess`)
    assert.strictEqual(seen.text, prelude + content + ending + wire.ping)
    assert.strictEqual(take(wire.stop.slice('event: mess'.length)), 'stopped')
    gate.release()
    assert.strictEqual(seen.text, prelude + content + ending + wire.ping + wire.stop)
  })

  it('relays an error event after content unchanged, at its release', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(prelude + content)
    assert.strictEqual(take(wire.error('api_error')), 'error')
    assert.strictEqual(seen.text, prelude + content)
    gate.release()
    assert.strictEqual(seen.text, prelude + content + wire.error('api_error'))
    assert.isTrue(seen.ended)
  })

  it('breaks a connection off without an end', () => {
    const { seen, gate, take, begin } = given()
    begin()
    take(prelude + content)
    gate.breakOff()
    assert.isTrue(seen.destroyed)
    assert.isFalse(seen.ended)
  })

  it('asks for a pause when the client does not keep up', () => {
    let drain: (() => void) | undefined
    const { gate, take, begin } = given({
      slow: {
        everyWrites: 2,
        drain: (done) => {
          drain = done
        },
      },
    })
    begin()
    assert.strictEqual(take(prelude + content), 'more')
    assert.strictEqual(take(content), 'pause')
    let resumed = 0
    gate.onDrain(() => {
      resumed += 1
    })
    drain?.()
    assert.strictEqual(resumed, 1)
  })
})

describe('a gate under any chunking', () => {
  const streams = fc
    .array(
      fc.oneof(
        fc.constantFrom(wire.ping, wire.block, wire.delta('grüße €'), wire.blockStop, ': comment\n\n'),
        fc.constant('event: unknown\r\ndata: {"x":1}\r\n\r\n'),
      ),
      { maxLength: 12 },
    )
    .chain((middle) =>
      fc.constantFrom('', wire.finish, wire.finish + wire.stop, wire.error('overloaded_error')).map((end) => ({
        text: wire.start() + middle.join('') + end,
        end,
      })),
    )

  const bytesOf = (text: string) => new TextEncoder().encode(text)

  it('relays a prefix of the upstream’s bytes, all of them at its release, and judges alike', () => {
    fc.assert(
      fc.property(
        streams,
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        fc.boolean(),
        ({ text }, sizes, hold) => {
          const bytes = bytesOf(text)
          const run = (chunkSizes: readonly number[]) => {
            const { seen, gate, begin } = given()
            begin(hold)
            const events = new Set<GateEvent>()
            for (let from = 0, n = 0; from < bytes.length; n++) {
              const size = chunkSizes[n % chunkSizes.length] ?? 1
              const event = gate.take(bytes.subarray(from, from + size))
              events.add(event)
              from += size
              const got = Buffer.from(seen.bytes)
              assert.isTrue(got.equals(bytes.subarray(0, got.length)), 'a prefix of the stream')
              if (event === 'error') break
            }
            const terminal = [...events].filter((event) => event === 'stopped' || event === 'error').join()
            return { seen, gate, terminal }
          }
          const pieces = run(sizes)
          const once = run([bytes.length])
          assert.strictEqual(pieces.terminal, once.terminal)
          assert.deepStrictEqual(pieces.gate.reading, once.gate.reading)
          if (pieces.terminal === 'stopped') {
            pieces.gate.release()
            assert.isTrue(Buffer.from(pieces.seen.bytes).equals(bytes))
          }
          if (pieces.terminal === '') assert.strictEqual(pieces.gate.stage, once.gate.stage)
        },
      ),
    )
  })
})
