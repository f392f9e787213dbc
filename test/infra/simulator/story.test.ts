import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { imageRead, longStream, plainAnswer, severalTools, subAgent } from '#infra/simulator/stories.ts'
import { turnFor } from '#infra/simulator/story.ts'
import { callBody, eventNames, startProviders } from '#test/simulator.ts'

const tools = [{ name: 'Bash', input_schema: { type: 'object' } }]
const ask = (url: string, turnsDone: number, more: object = {}, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const done = Array.from({ length: turnsDone }, () => [
      { role: 'assistant', content: 'did' },
      { role: 'user', content: 'result' },
      { role: 'system', content: 'reminder' },
    ])
    const messages = [{ role: 'user', content: 'go' }, ...done.flat()]
    const response = await fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers,
      body: JSON.stringify(callBody({ tools, messages, ...more })),
    })
    return response.text()
  })

describe('a story', () => {
  it.live('goes on at another provider, and repeats a turn that is asked for again', () =>
    Effect.gen(function* () {
      const story = severalTools({ cwd: '/w' })
      const { blue, green } = yield* startProviders({ blue: { story }, green: { story } })
      expect(yield* ask(blue.url, 0)).toContain("Simulated by 'blue': I write two files.")
      expect(yield* ask(green.url, 1)).toContain("Simulated by 'green': I look at both at once.")
      expect(yield* ask(blue.url, 1)).toContain("Simulated by 'blue': I look at both at once.")
      expect(yield* ask(green.url, 2)).toContain('"name":"Edit"')
      expect(yield* ask(green.url, 5)).toContain("Simulated answer by provider 'green'")
    }),
  )

  it('makes a turn anew that broke off before its first tool call', () => {
    const story = severalTools({ cwd: '/w' })
    const cut = [
      { role: 'user', content: 'go' },
      { role: 'assistant', content: [{ type: 'text', text: 'I write' }] },
      {
        role: 'user',
        content: [{ type: 'text', text: 'Your response above was cut off mid-stream. Resume directly.' }],
      },
    ]
    const turn = (messages: typeof cut) => turnFor(story, { headers: [] }, { model: 'm', messages, tools }, 'blue')
    expect(turn(cut)).toEqual(turn(cut.slice(0, 1)))
    expect(turn([...cut.slice(0, 2), { role: 'user', content: 'result' }])).not.toEqual(turn(cut))
  })

  it('does not count what a translator puts between a tool and the user', () => {
    const said = (text: string) => ({ role: 'assistant', content: [{ type: 'text', text }] })
    const user = { role: 'user', content: 'go' }
    const turnAfter = (...messages: readonly (typeof user | ReturnType<typeof said>)[]) =>
      turnFor(subAgent(), { headers: [] }, { model: 'm', messages: [user, ...messages], tools }, 'sim')
    expect(turnAfter(said('I delegate.'), user, said('Done.'), user)).toEqual(turnAfter(said('I delegate.'), user))
    expect(turnAfter(said('I delegate.'), user)).not.toEqual(turnAfter())
  })

  it.live('tells sub-agents, web searches and one-off calls apart', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { story: subAgent() } })
      const agent = { 'x-claude-code-agent-id': 'abc' }
      expect(yield* ask(sim.url, 0)).toContain('"name":"Agent"')
      expect(yield* ask(sim.url, 0, {}, agent)).toContain('ls | wc -l')
      expect(yield* ask(sim.url, 1, {}, agent)).toContain('The sub-agent counted.')
      expect(yield* ask(sim.url, 0, { tools: [] })).toContain("Simulated answer by provider 'sim'")
      const search = { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }
      expect(yield* ask(sim.url, 0, search)).toContain('web_search_tool_result')
    }),
  )

  it.live('may be thousands of deltas long', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: { story: longStream({ deltas: 3_000 }) } })
      const names = eventNames(yield* ask(sim.url, 0, { stream: true }))
      expect(names.filter((name) => name === 'content_block_delta').length).toBeGreaterThanOrEqual(3_000)
      expect(names.at(-1)).toBe('message_stop')
    }),
  )

  it('says in every ready story that it is simulated, and by whom', () => {
    const request = { headers: [] }
    const body = { model: 'm', messages: [], tools }
    for (const story of [
      plainAnswer(),
      severalTools({ cwd: '/w' }),
      imageRead({ cwd: '/w' }),
      subAgent(),
      longStream(),
    ]) {
      const first = JSON.stringify(turnFor(story, request, body, 'sim-blue'))
      expect(first).toContain('Simulated')
      expect(first).toContain("'sim-blue'")
    }
  })
})
