import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { STATIC_EVENTS } from '#infra/simulator/static-server.ts'
import { callBody, chatBody, eventNames } from '#test/simulator.ts'

const program = fileURLToPath(new URL('../../../src/infra/simulator/main.ts', import.meta.url))
const children: ReturnType<typeof spawn>[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})

const start = async (...args: readonly string[]): Promise<string> => {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) return (JSON.parse(line) as { url: string }).url
  throw new Error('the simulator printed nothing')
}
const call = async (url: string, body: object): Promise<string> =>
  (await fetch(`${url}/v1/messages`, { method: 'POST', body: JSON.stringify(body) })).text()

describe('the simulator as a process', () => {
  it('answers one prepared message', async () => {
    const url = await start('--mode', 'static-json')
    const [first, second] = [await call(url, callBody()), await call(url, callBody({ model: 'other' }))]
    expect(JSON.parse(first)).toMatchObject({ type: 'message', role: 'assistant' })
    expect(second).toBe(first)
  })

  it('answers one prepared stream of sixty events', async () => {
    const url = await start('--mode', 'static-stream')
    const names = eventNames(await call(url, callBody({ stream: true })))
    expect(names).toHaveLength(STATIC_EVENTS)
    expect([names[0], names.at(-1)]).toEqual(['message_start', 'message_stop'])
  })

  it('speaks another wire, with deviations', async () => {
    const url = await start('--wire', 'openai', '--sloppy', 'noDone,noUsage')
    const send = (path: string, body: object) => fetch(url + path, { method: 'POST', body: JSON.stringify(body) })
    const streamed = await (await send('/v1/chat/completions', chatBody({ stream: true }))).text()
    expect(streamed).toContain('chat.completion.chunk')
    expect(streamed).not.toMatch(/usage|DONE/)
    expect((await send('/v1/messages', callBody())).status).toBe(404)
  })

  it.each([
    ['--help', 0, /--wire WIRE[\s\S]*openrouter or vertex[\s\S]*noDone/],
    ['--wire=telex', 2, /unknown wire 'telex'/],
    ['--sloppy=tidy', 2, /unknown deviation 'tidy'/],
  ] as const)('explains itself: %s', async (argument, code, words) => {
    const child = spawn(process.execPath, [program, argument], { stdio: 'pipe' })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(code)
    expect(text).toMatch(words)
  })

  it('plays a world from a seed', async () => {
    const url = await start('--mode', 'world', '--world', 'sim-green', '--seed', '3')
    expect(await call(url, callBody({ max_tokens: 1 }))).toContain("Simulated answer by provider 'sim-green'")
  })
})
