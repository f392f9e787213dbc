import { describe, expect, it } from '@effect/vitest'
import { lowerRequest } from '#domain/dialect/openai/request.ts'
import { type OpenAiQuirks, openAiQuirks } from '#domain/dialect/openai/target.ts'
import { loadCaptures } from '#test/captures.ts'
import { type ChatRequest, decodeChatRequest } from '#test/openai-request.ts'

const narrow: OpenAiQuirks = {
  ...openAiQuirks,
  systemFirstOnly: true,
  stringContent: true,
  strictAlternation: true,
  emptyInsteadOfNull: true,
  toolIds: 'alnum9',
  maxTools: 8,
  maxDescription: 1_024,
  schema: 'gemini',
  maxOutputTokens: 8_192,
  noStreamOptions: true,
  noSampling: true,
}
const wide: OpenAiQuirks = {
  ...openAiQuirks,
  maxTokensField: 'max_completion_tokens',
  systemRole: 'developer',
  schema: 'openai',
  fileParts: true,
  reasoning: 'reasoning_effort',
  echoReasoning: true,
  userField: 'safety_identifier',
}

const recorded = loadCaptures().flatMap(({ name, exchanges }) =>
  exchanges
    .filter(({ path }) => /^\/v1\/messages(\/count_tokens)?(\?|$)/.test(path))
    .map(({ n, body }) => ({ place: `${name} ${n}`, body: JSON.parse(body.toString()) })),
)

describe('every recorded request', () => {
  it.each([
    ['a plain server', openAiQuirks],
    ['a narrow server', narrow],
    ['OpenAI itself', wide],
  ])('is valid for %s, save the web search, which is refused', (_, quirks) => {
    const refused: string[] = []
    for (const { place, body } of recorded) {
      const before = JSON.stringify(body)
      const lowered = lowerRequest(body, { model: 'm', quirks, forceStream: true })
      expect(JSON.stringify(body)).toBe(before)
      if ('refused' in lowered) refused.push(`${place}: ${lowered.refused}`)
      else if (quirks.strictAlternation === true) alternates(decodeChatRequest(lowered.body))
      else expect(callsOf(decodeChatRequest(lowered.body))).toBe(before.split('"type":"tool_use"').length - 1)
    }
    expect(recorded.length).toBeGreaterThan(100)
    expect(refused).toEqual([
      expect.stringMatching(/^flow-web-search \d+: tools: this provider cannot run web_search_20250305$/),
    ])
  })

  it('shows the image that the Read tool returned', () => {
    const withImage = recorded.filter(({ body }) => JSON.stringify(body).includes('"type":"image"'))
    expect(withImage.length).toBeGreaterThan(0)
    for (const { body } of withImage) {
      const lowered = lowerRequest(body, { model: 'm', quirks: openAiQuirks })
      expect(JSON.stringify(lowered)).toMatch(/"text":"Image #1, returned by the tool Read:"\},\{"type":"image_url"/)
    }
  })

  it('grows by what was added: the messages of the next turn begin with those of this one', () => {
    const turns = recorded.filter(({ place }) => /^flow-(long|bash|edit)-loop /.test(place))
    const lowered = turns
      .map(({ body }) => lowerRequest(body, { model: 'm', quirks: openAiQuirks }))
      .flatMap((one) => ('refused' in one ? [] : [one.body.messages as readonly unknown[]]))
    let extensions = 0
    for (const [index, messages] of lowered.entries()) {
      const next = lowered[index + 1]
      // A new capture begins, or a side call.
      if (next === undefined || next.length <= messages.length) continue
      expect(next.slice(0, messages.length)).toEqual(messages)
      extensions++
    }
    expect(extensions).toBeGreaterThan(5)
  })
})

const callsOf = (request: ChatRequest): number =>
  request.messages.reduce((sum, one) => sum + (one.role === 'assistant' ? (one.tool_calls?.length ?? 0) : 0), 0)

/** Nobody speaks twice in a row, save tools, and after tools the assistant speaks. */
const alternates = (request: ChatRequest): void => {
  const pairs = request.messages.map((message, index) => `${message.role} ${request.messages[index + 1]?.role}`)
  for (const pair of pairs) {
    expect(['user user', 'assistant assistant', 'system system', 'system assistant', 'tool user']).not.toContain(pair)
  }
  for (const message of request.messages) expect(message.content).toBeTypeOf('string')
}
