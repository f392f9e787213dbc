import { describe, expect, it } from '@effect/vitest'
import { markThinking } from '#domain/dialect/provenance.ts'
import {
  answer,
  assistant,
  call,
  chat,
  image,
  imagePart,
  lower,
  result,
  system,
  text,
  toolCall,
  user,
} from './lower.ts'

describe('the text of a message', () => {
  it('is one string when there is only text', () => {
    expect(chat([user([text('a'), text('b')])])).toEqual([user('a\n\nb')])
    expect(chat([user('a')])).toEqual([user('a')])
  })

  it('loses blank blocks, and the message with the last of them', () => {
    expect(chat([user([text(''), text('a'), text(' \n')]), assistant([]), user('b'), user('')])).toEqual([
      user('a'),
      user('b'),
    ])
  })

  it('of an assistant that speaks, calls and speaks again is joined before the calls', () => {
    expect(chat([assistant([text('a'), call('c1'), text('b')]), user([result('c1', 'r')])])).toEqual([
      { role: 'assistant', content: 'a\n\nb', tool_calls: [toolCall('c1')] },
      answer('c1', 'r'),
    ])
  })

  it('that begins the answer loses its trailing white space', () => {
    expect(chat([user('a'), assistant('{"x": \n')]).at(-1)).toEqual(assistant('{"x":'))
    expect(chat([user('a'), assistant('b \n'), user('c')])[1]).toEqual(assistant('b \n'))
  })

  it('of neighbouring assistant messages is one message, as the Messages API reads it', () => {
    expect(chat([user('a'), assistant('b'), assistant([call('c1')]), user([result('c1', 'r')])])).toEqual([
      user('a'),
      { role: 'assistant', content: 'b', tool_calls: [toolCall('c1')] },
      answer('c1', 'r'),
    ])
  })
})

describe('tool calls and their results', () => {
  it('go one message each, in the order of the calls, before anything else the user said', () => {
    expect(
      chat([
        assistant([call('c1', 'Read', { path: '/a' }), call('c2', 'Bash')]),
        user([text('also'), result('c2', 'two'), result('c1', [text('one'), text('more')]), text('this')]),
      ]),
    ).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [toolCall('c1', 'Read', '{"path":"/a"}'), toolCall('c2', 'Bash')],
      },
      answer('c1', 'one\nmore'),
      answer('c2', 'two'),
      user('also\n\nthis'),
    ])
  })

  it('are paired over several user messages and past a system message', () => {
    expect(
      chat([
        assistant([call('c1'), call('c2')]),
        user([result('c1', 'one')]),
        system('note'),
        user([result('c2', 'two'), text('go')]),
      ]).slice(1),
    ).toEqual([answer('c1', 'one'), answer('c2', 'two'), system('note'), user('go')])
  })

  it('say so when there was no output', () => {
    for (const content of [undefined, '', [], [text('')]]) {
      expect(chat([assistant([call('c1')]), user([result('c1', content)])])[1]).toEqual(answer('c1', '(no output)'))
    }
  })

  it('say so when the call failed', () => {
    const failed = (content: unknown) =>
      chat([assistant([call('c1')]), user([result('c1', content, { is_error: true })])])[1]
    expect(failed('no such file')).toEqual(answer('c1', 'Error: no such file'))
    expect(failed(undefined)).toEqual(answer('c1', 'Error: (no output)'))
  })

  it('are made up when an interrupt left them out, at the end of the conversation too', () => {
    const missing = '[no result: tool call was interrupted]'
    expect(
      chat([assistant([call('c1'), call('c2')]), user([result('c2', 'two'), text('stop')]), assistant([call('c3')])]),
    ).toEqual([
      { role: 'assistant', content: null, tool_calls: [toolCall('c1'), toolCall('c2')] },
      answer('c1', missing),
      answer('c2', 'two'),
      user('stop'),
      { role: 'assistant', content: null, tool_calls: [toolCall('c3')] },
      answer('c3', missing),
    ])
  })

  it('are dropped when nothing called for them, and the drop is told', () => {
    const messages = [
      user([result('c0', 'old'), text('a')]),
      assistant([call('c1')]),
      user([result('c1', 'r'), result('c1', 'again'), result('c9', 'x')]),
      assistant('b'),
      user([result('c1', 'late'), text('c')]),
    ]
    expect(chat(messages)).toEqual([
      user('a'),
      { role: 'assistant', content: null, tool_calls: [toolCall('c1')] },
      answer('c1', 'r'),
      assistant('b'),
      user('c'),
    ])
    expect(lower({ messages }).dropped).toEqual(['messages.tool_result'])
  })

  it('with one id twice in a message become two calls, answered in order', () => {
    const messages = [assistant([call('c1', 'A'), call('c1', 'B')]), user([result('c1', 'a'), result('c1', 'b')])]
    const { body, names } = lower({ messages })
    const [first, one, two] = body.messages as [{ tool_calls: { id: string }[] }, object, object]
    const [a, b] = first.tool_calls.map((made) => made.id) as [string, string]
    expect(a).toBe('c1')
    expect([one, two]).toEqual([answer('c1', 'a'), answer(b, 'b')])
    expect(names.ids.get(b)).toBe('c1')
  })

  it('have an input that is always an object', () => {
    for (const input of [undefined, null, 'x', {}]) {
      expect(chat([assistant([call('c1', 'Read', input)])])[0]).toMatchObject({ tool_calls: [toolCall('c1')] })
    }
  })

  it('alone are a message with null as content, or an empty text where null is refused', () => {
    expect(chat([assistant([call('c1')])])[0]).toMatchObject({ content: null })
    expect(chat([assistant([call('c1')])], { emptyInsteadOfNull: true })[0]).toMatchObject({ content: '' })
  })

  it('that load tools name them', () => {
    const loaded = result('c1', [{ type: 'tool_reference', tool_name: 'mcp__x.y' }])
    const { body, names } = lower({ messages: [assistant([call('c1', 'ToolSearch')]), user([loaded])] })
    const [name] = [...names.tools].map(([server]) => server)
    expect(name).toMatch(/^mcp__x_y_[0-9a-f]{8}$/)
    expect(body.messages).toMatchObject([{}, answer('c1', `Tool available: ${name}`)])
  })
})

describe('images and documents', () => {
  const pdf = { type: 'document', title: 'T', source: { type: 'base64', media_type: 'application/pdf', data: 'UERG' } }
  const file = { type: 'file', file: { filename: 'T', file_data: 'data:application/pdf;base64,UERG' } }

  it('stay where they are in a user message', () => {
    const url = { type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } }
    expect(chat([user([text('a'), image('AAAA'), url, text('b')])])).toEqual([
      user([
        text('a'),
        imagePart('AAAA'),
        { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
        text('b'),
      ]),
    ])
  })

  it('inside tool results follow all answers of the turn, each with the name of its tool', () => {
    expect(
      chat([
        assistant([call('c1', 'Read'), call('c2', 'Shot'), call('c3', 'Bash')]),
        user([
          result('c1', [image('AAAA'), text('a'), image('BBBB')]),
          result('c2', [image('CCCC')]),
          result('c3', 'three'),
          text('look'),
        ]),
      ]).slice(1),
    ).toEqual([
      answer('c1', '[image #1 attached below]\na\n[image #2 attached below]'),
      answer('c2', '[image #3 attached below]'),
      answer('c3', 'three'),
      user([
        text('Image #1, returned by the tool Read:'),
        imagePart('AAAA'),
        text('Image #2, returned by the tool Read:'),
        imagePart('BBBB'),
        text('Image #3, returned by the tool Shot:'),
        imagePart('CCCC'),
      ]),
      user('look'),
    ])
  })

  it.each(['noImages', 'stringContent'] as const)('leave a mark for a server with %s', (quirk) => {
    expect(
      chat([assistant([call('c1')]), user([result('c1', [image('AAAA')]), text('a'), image('BBBB')])], {
        [quirk]: true,
      }).slice(1),
    ).toEqual([answer('c1', '[image omitted]'), user('a\n\n[image omitted]')])
  })

  it('that lie at Anthropic leave a mark', () => {
    const { body, dropped } = lower({
      messages: [user([{ type: 'image', source: { type: 'file', file_id: 'file_1' } }, text('a')])],
    })
    expect(body.messages).toEqual([user('[image omitted]\n\na')])
    expect(dropped).toEqual(['messages.image'])
  })

  it('of PDF go as files where the server takes them, and leave a mark elsewhere', () => {
    expect(chat([user([pdf, text('a')])], { fileParts: true })).toEqual([user([text('Document: T'), file, text('a')])])
    expect(chat([user([pdf, text('a')])])).toEqual([user('[document omitted: Document: T]\n\na')])
    expect(chat([user([pdf, text('a')])], { fileParts: true, stringContent: true })[0]).toMatchObject({
      content: expect.stringContaining('omitted'),
    })
    expect(chat([assistant([call('c1')]), user([result('c1', [pdf])])], { fileParts: true }).slice(1)).toEqual([
      answer('c1', 'Document: T\n[document #1 attached below]'),
      user([text('Document #1, returned by the tool Read:'), file]),
    ])
  })

  it('of text are text with their title and context', () => {
    const plain = { type: 'document', title: 'T', context: 'C', source: { type: 'text', data: 'body' } }
    const list = { type: 'document', source: { type: 'content', content: [text('x'), image('AAAA')] } }
    const away = { type: 'document', source: { type: 'url', url: 'https://example.org/a.pdf' } }
    expect(chat([user([plain])])).toEqual([user('Document: T\nC\nbody')])
    expect(chat([user([list])])).toEqual([user([text('x'), imagePart('AAAA')])])
    expect(chat([user([away])])).toEqual([user('[document omitted: https://example.org/a.pdf]')])
  })

  it('and search results keep their title, source and text', () => {
    const found = { type: 'search_result', title: 'T', source: 'https://example.org', content: [text('x')] }
    expect(chat([user([found])])).toEqual([user('T\nhttps://example.org\nx')])
  })
})

describe('system messages in the conversation', () => {
  const talk = [user('a'), system([text('one'), text('two')]), assistant('b'), user('c'), system('three')]

  it('stay in place, as string or blocks', () => {
    expect(chat(talk)).toEqual([user('a'), system('one\n\ntwo'), assistant('b'), user('c'), system('three')])
  })

  it('take the role that leading instructions have', () => {
    expect(chat(talk, { systemRole: 'developer' })[1]).toEqual({ role: 'developer', content: 'one\n\ntwo' })
  })

  it('without content are left out', () => {
    expect(chat([user('a'), { role: 'system', content: [], output_config: { effort: 'low' } }])).toEqual([user('a')])
  })

  it('become user text where only the first message may be one', () => {
    expect(chat([system('zero'), system('and'), ...talk], { systemFirstOnly: true })).toEqual([
      system('zero\n\nand'),
      user('a'),
      user('<system-reminder>\none\n\ntwo\n</system-reminder>'),
      assistant('b'),
      user('c'),
      user('<system-reminder>\nthree\n</system-reminder>'),
    ])
  })

  it('are not wrapped twice', () => {
    const wrapped = '<system-reminder>x</system-reminder>'
    expect(chat([user('a'), system(wrapped)], { systemFirstOnly: true })[1]).toEqual(user(wrapped))
  })
})

describe('a server whose roles must alternate', () => {
  const strict = { strictAlternation: true, systemFirstOnly: true } as const

  it('gets neighbours of one role merged', () => {
    expect(
      chat(
        [user('a'), user([image('AAAA')]), assistant('b'), user(''), assistant('c'), user('d'), system('e')],
        strict,
      ),
    ).toEqual([
      user([text('a'), imagePart('AAAA')]),
      assistant('b\n\nc'),
      user('d\n\n<system-reminder>\ne\n</system-reminder>'),
    ])
  })

  it('gets a word of the assistant between a result and the user', () => {
    expect(chat([user('a'), assistant([call('c1')]), user([result('c1', 'r'), text('b')])], strict).slice(2)).toEqual([
      answer('c1', 'r'),
      assistant('Done.'),
      user('b'),
    ])
    expect(chat([user('a'), assistant([call('c1')]), user([result('c1', 'r')]), assistant('b')], strict)).toHaveLength(
      4,
    )
  })

  it('gets the user to speak first', () => {
    expect(chat([system('s'), assistant('a')], strict)).toEqual([system('s'), user('Continue.'), assistant('a')])
  })
})

describe('thinking', () => {
  const ours = { type: 'thinking', thinking: 'hm', signature: markThinking('kimi', 'hm') }
  const claudes = { type: 'thinking', thinking: 'secret', signature: 'EqQBCg' }
  const redacted = { type: 'redacted_thinking', data: 'secret' }
  const talk = [user('a'), assistant([ours, claudes, redacted, text('b'), call('c1')]), user([result('c1', 'r')])]

  it('is dropped and never becomes text', () => {
    const { body, dropped } = lower({ messages: talk })
    expect(body.messages).toMatchObject([user('a'), { role: 'assistant', content: 'b' }, answer('c1', 'r')])
    expect(JSON.stringify(body)).not.toMatch(/hm|secret|reasoning/)
    expect(dropped).toEqual(['messages.thinking', 'messages.redacted_thinking'])
  })

  it('of ours is echoed where the server needs it, that of Claude is not', () => {
    expect(chat(talk, { echoReasoning: true })[1]).toMatchObject({ content: 'b', reasoning_content: 'hm' })
  })

  it('is blank beside calls that Claude made, for a server that refuses calls without', () => {
    const claude = [assistant([claudes, call('c1')]), user([result('c1', 'r')]), assistant([claudes, text('x')])]
    const [calls, , words] = chat(claude, { echoReasoning: true })
    expect(calls).toMatchObject({ reasoning_content: ' ' })
    expect(words).toEqual(assistant('x'))
  })

  it('alone leaves no message', () => {
    expect(chat([user('a'), assistant([claudes]), user('b')])).toEqual([user('a'), user('b')])
  })
})

describe('blocks of tools that run on servers', () => {
  it('go in pairs, and are told', () => {
    const { body, dropped } = lower({
      messages: [
        user([text('a'), { type: 'container_upload', file_id: 'f' }]),
        assistant([
          { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
          { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
          { type: 'mcp_tool_use', id: 'm1', name: 'x', input: {} },
          { type: 'mcp_tool_result', tool_use_id: 'm1', content: [text('y')] },
          { type: 'fallback', from: {}, to: {} },
          text('found'),
        ]),
      ],
    })
    expect(body.messages).toEqual([user('a'), assistant('found')])
    expect(dropped).toEqual([
      'messages.container_upload',
      'messages.server_tool_use',
      'messages.web_search_tool_result',
      'messages.mcp_tool_use',
      'messages.mcp_tool_result',
      'messages.fallback',
    ])
  })

  it('keep what a compaction summed up', () => {
    expect(chat([user('a'), assistant([{ type: 'compaction', content: 'S' }, text('b')]), user('c')])).toEqual([
      user('a'),
      user('Summary of earlier conversation:\nS'),
      assistant('b'),
      user('c'),
    ])
  })
})
