import { describe, expect, it } from '@effect/vitest'
import { readRequest } from '#domain/dialect/anthropic-request.ts'
import { loadCaptures } from '#test/captures.ts'

const read = (body: unknown, needsMaxTokens = true) =>
  readRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), needsMaxTokens)

const WEB_SEARCH = ['tool:web_search_20250305', 'only:server-tools']

const valid = { model: 'claude-x', max_tokens: 8, messages: [{ role: 'user', content: 'hi' }] }

describe('a messages request', () => {
  it('is read from every recorded body with its true counts', () => {
    const shapes = new Map<string, number>()
    for (const { name, exchanges } of loadCaptures()) {
      for (const { n, path, body } of exchanges) {
        const isCount = path.startsWith('/v1/messages/count_tokens')
        if (!isCount && !/^\/v1\/messages(\?|$)/.test(path)) continue
        const parsed = JSON.parse(body.toString())
        const reading = readRequest(body, !isCount)
        expect([name, n, reading]).toEqual([
          name,
          n,
          {
            _tag: 'Valid',
            request: {
              model: parsed.model,
              stream: parsed.stream === true,
              maxTokens: parsed.max_tokens,
              messages: parsed.messages.length,
              tools: parsed.tools?.length ?? 0,
              // In the recordings, images are the only base64 sources.
              images: body.toString().split('"type":"base64"').length - 1,
              imageBytes: [...body.toString().matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)].reduce(
                (sum, [, data = '']) => sum + data.length,
                0,
              ),
              needs: name === 'flow-web-search' && parsed.tools?.length === 1 ? WEB_SEARCH : [],
              isClean: true,
            },
          },
        ])
        const kind = isCount ? 'count' : parsed.stream === true ? 'stream' : 'whole'
        shapes.set(kind, (shapes.get(kind) ?? 0) + 1)
        if (name === 'flow-image-read' && n === 2) expect(reading).toMatchObject({ request: { images: 1 } })
      }
    }
    expect(shapes.get('stream')).toBeGreaterThan(80)
    expect(shapes.get('whole')).toBeGreaterThan(3)
  })

  it.each([
    ['not JSON', '{"model":', 'The request body is not valid JSON'],
    ['empty', '', 'The request body is not valid JSON'],
    ['a list', [], 'The request body must be a JSON object'],
    ['null', null, 'The request body must be a JSON object'],
    ['a string', '"x"', 'The request body must be a JSON object'],
    ['without model', { ...valid, model: undefined }, 'model: Field required'],
    ['with a number as model', { ...valid, model: 7 }, 'model: Input should be a valid string'],
    ['with an empty model', { ...valid, model: '' }, 'model: Input should be a valid string'],
    ['without messages', { ...valid, messages: undefined }, 'messages: Field required'],
    ['with an object as messages', { ...valid, messages: {} }, 'messages: Input should be a valid list'],
    ['without max_tokens', { ...valid, max_tokens: undefined }, 'max_tokens: Field required'],
    ['with half a token', { ...valid, max_tokens: 1.5 }, 'max_tokens: Input should be a valid integer'],
    ['with negative max_tokens', { ...valid, max_tokens: -1 }, 'max_tokens: Input should be a valid integer'],
    ['with null max_tokens', { ...valid, max_tokens: null }, 'max_tokens: Input should be a valid integer'],
    ['with a text as max_tokens', { ...valid, max_tokens: '8' }, 'max_tokens: Input should be a valid integer'],
    [
      'with more tokens than numbers can count',
      { ...valid, max_tokens: 1e300 },
      'max_tokens: Input should be a valid integer',
    ],
    ['with a text as stream', { ...valid, stream: 'true' }, 'stream: Input should be a valid boolean'],
  ])('%s is refused in the words of the API', (_what, body, message) => {
    expect(read(body)).toEqual({ _tag: 'Invalid', message })
  })

  it('is refused when it is not UTF-8, rather than mangled', () => {
    const body = Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
    expect(readRequest(body, true)).toEqual({ _tag: 'Invalid', message: 'The request body is not valid JSON' })
  })

  it('leaves everything else to the provider', () => {
    expect(
      read({
        ...valid,
        max_tokens: 0,
        stream: null,
        messages: [
          { role: 'system', content: [], output_config: { effort: 'low' } },
          'odd',
          null,
          { role: 'next_year' },
        ],
        tools: [{ type: 'web_search_20250305', name: 'web_search' }],
        a_field_of_next_year: {},
      }),
    ).toEqual({
      _tag: 'Valid',
      request: {
        model: 'claude-x',
        stream: false,
        maxTokens: 0,
        messages: 4,
        tools: 1,
        images: 0,
        imageBytes: 0,
        needs: WEB_SEARCH,
        isClean: true,
      },
    })
    expect(read({ ...valid, messages: [] })._tag).toBe('Valid')
  })

  it('needs no max_tokens to count tokens', () => {
    expect(read({ ...valid, max_tokens: undefined }, false)).toMatchObject({ request: { maxTokens: undefined } })
    expect(read({ ...valid, max_tokens: 'x' }, false)._tag).toBe('Invalid')
  })

  it('counts images in messages and in tool results', () => {
    const image = { type: 'image', source: { type: 'base64', data: '', media_type: 'image/png' } }
    const messages = [
      { role: 'user', content: [image, { type: 'text', text: '"type":"image"' }] },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'a', content: [image, image] }, { type: 'tool_result' }],
      },
      { role: 'user', content: 'image' },
    ]
    expect(read({ ...valid, messages })).toMatchObject({ request: { images: 3, messages: 3 } })
  })

  it('says how many bytes of it are base-64 images, wherever they are', () => {
    const image = (data: string) => ({ type: 'image', source: { type: 'base64', data, media_type: 'image/png' } })
    const messages = [
      { role: 'user', content: [image('AAAA'), { type: 'document', source: { type: 'base64', data: 'AAAAAA==' } }] },
      { role: 'user', content: [{ type: 'tool_result', content: [image('AAAAAAAA')] }] },
    ]
    expect(read({ ...valid, messages })).toMatchObject({ request: { images: 2, imageBytes: 12 } })
  })

  const client = { name: 'Read', input_schema: { type: 'object' } }
  const search = { type: 'web_search_20250305', name: 'web_search' }
  it.each<readonly [string, object, readonly string[]]>([
    ['nothing of a plain request', {}, []],
    ['nothing of the tools that a client runs', { tools: [client, { type: 'bash_20250124', name: 'bash' }] }, []],
    ['the tools that the provider runs', { tools: [client, search] }, ['tool:web_search_20250305']],
    ['that they are all there is', { tools: [search] }, WEB_SEARCH],
    ['less when none may be called', { tools: [search], tool_choice: { type: 'none' } }, ['tool:web_search_20250305']],
    [
      'sources that it must fetch',
      {
        messages: [
          { role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }] },
          { role: 'user', content: [{ type: 'document', source: { type: 'file', file_id: 'f' } }] },
        ],
      },
      ['source:file', 'source:url'],
    ],
  ])('needs of its provider %s', (_, more, needs) => {
    expect(read({ ...valid, ...more })).toMatchObject({ request: { needs } })
  })

  it('does not fall over a body that is nested as deep as a client likes', () => {
    const depth = 100_000
    const nested = `${'[{"type":"tool_result","content":'.repeat(depth)}[{"type":"image"}]${'}]'.repeat(depth)}`
    expect(read(`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":${nested}}]}`)).toMatchObject({
      request: { images: 1 },
    })
  })
})
