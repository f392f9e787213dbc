import { Result } from 'effect'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { keyPaths, keysAt } from '#infra/config/keys.ts'
import { place } from './place.ts'

const problemsOf = (text: string) => place({ 'signalbox.yaml': text }).problems()
const provider = (text: string) => `providers: { a: { kind: anthropic, ${text} } }`

describe('problems', () => {
  it('are all reported, each with its place, its key and what would be right', () => {
    expect(
      problemsOf(`providers:
  a: { kind: antropic }
  b: { kind: anthropic-compatible, timeouts: { connect: 5 parsecs } }
  bad name: { kind: anthropic }
routing:
  maxFallback: 2
server: { port: 70000, allowedHosts: { a: 1 } }
maxFallbacks: 1
`),
    ).toEqual([
      'signalbox.yaml:8:1 maxFallbacks: unknown key; did you mean routing.maxFallbacks?',
      'signalbox.yaml:4:3 providers."bad name": not a valid name; expected a name of letters and digits, with single - or _ between (at most 64 characters)',
      'signalbox.yaml:2:8 providers.a.kind: expected anthropic, anthropic-compatible, vertex, openrouter, github-models, openai-compatible, found "antropic"; did you mean anthropic?',
      'signalbox.yaml:3:48 providers.b.timeouts.connect: expected a duration such as 500 ms, 10 s, 5 min or 1 h (or a number of milliseconds), found "5 parsecs"',
      'signalbox.yaml:6:3 routing.maxFallback: unknown key; did you mean maxFallbacks?',
      'signalbox.yaml:7:11 server.port: expected a whole number from 0 to 65535, found 70000',
      'signalbox.yaml:7:24 server.allowedHosts: expected a list of host names, found a block of keys',
    ])
  })

  it('make one message of several lines', () => {
    const loaded = place({ 'signalbox.yaml': 'a: 1\nb: 2' }).load()
    const message = Result.isFailure(loaded) ? loaded.failure.message : ''
    expect(message.split('\n')).toHaveLength(3)
    expect(message).toMatch(/^The configuration has 2 problems:\n {2}signalbox\.yaml:1:1 a: unknown key/)
  })

  it('tell the line of a YAML error and of a key that stands twice', () => {
    expect(problemsOf('routing:\n  a: [1\nb: 2')).toEqual([expect.stringMatching(/^signalbox\.yaml:3:\d+ YAML: /)])
    expect(problemsOf('routing: {}\nserver: {}\nrouting: {}')).toEqual([
      'signalbox.yaml:3:1 the key stands twice in this block',
    ])
  })

  it('end endless aliases', () => {
    expect(problemsOf('routing: &a { b: *a }')).toEqual([expect.stringContaining('nested deeper than')])
    const lines = ['l0: &l0 [1, 1]']
    for (let level = 1; level < 12; level++) lines.push(`l${level}: &l${level} [*l${level - 1}, *l${level - 1}]`)
    expect(problemsOf(lines.join('\n'))).toContainEqual(expect.stringContaining('more than 200 aliases'))
  })

  it('say what is wrong with a database, and never its password', () => {
    const database = (block: string) => problemsOf(`${provider('')}\ndatabase: ${block}`)
    expect(database(`{ url: 'postgres://u:tell-no-one@h' }`)).toEqual([
      'signalbox.yaml:2:13 database.url: expected postgres://USER@HOST/DATABASE',
    ])
    const times = '{ statementTimeout: 0, lockTimeout: 6 s, connectTimeout: 1 }'
    expect(database(`{ url: 'postgres://u@h/d', postgres: ${times} }`)).toEqual([
      expect.stringContaining('database.postgres.statementTimeout: expected at least 1 s'),
      expect.stringContaining('database.postgres.lockTimeout: expected a duration from 100 ms to 5 s'),
      expect.stringContaining('database.postgres.connectTimeout: expected at least 100 ms'),
    ])
    expect(database('{ postgres: { poolSize: 1 } }')).toEqual([
      expect.stringContaining('database.postgres.poolSize: expected a whole number from 2 to 1000'),
    ])
  })

  it('name what is missing', () => {
    expect(problemsOf('providers: { a: {} }')).toEqual([
      'signalbox.yaml:1:14 providers.a.kind: is missing; expected anthropic, anthropic-compatible, vertex, openrouter, github-models, openai-compatible',
    ])
    expect(problemsOf('providers: { a: { kind: anthropic-compatible } }')).toEqual([
      expect.stringContaining('providers.a.baseUrl: is missing'),
    ])
  })

  it('refuse a strategy that is switched off', () => {
    expect(problemsOf(`${provider('')}\nfeatures: { strategies: { intelligent: false } }`)).toEqual([
      expect.stringContaining('intelligent is switched off by features.strategies.intelligent'),
    ])
  })

  it('refuse rules for providers that do not exist, for nobody, and by a strategy that is switched off', () => {
    const rules = (text: string) => problemsOf(`${provider('')}\nrouting: { rules: { titles: { ${text} } } }`)
    expect(rules('kind: background, strategy: cost')).toEqual([])
    expect(rules('only: [nobody]')).toEqual([expect.stringContaining('rules.titles.only: there is no provider nobody')])
    expect(rules('only: []')).toEqual([expect.stringContaining('rules.titles.only: names no provider')])
    expect(rules('kind: backgroun')).toEqual([expect.stringContaining('did you mean background?')])
    expect(
      problemsOf(
        `${provider('')}\nrouting: { rules: { x: { strategy: cost } } }\nfeatures: { strategies: { cost: false } }`,
      ),
    ).toEqual([expect.stringContaining('cost is switched off by features.strategies.cost')])
  })

  it('refuse models of providers that do not exist, and names that contradict each other', () => {
    const text =
      "providers: { near: { kind: anthropic, models: { 'x-*': one } } }\nmodels:\n  'x-*': { near: two, naer: z }"
    expect(problemsOf(text)).toEqual([
      'signalbox.yaml:3:12 models."x-*".near: providers.near.models."x-*" says another name',
      'signalbox.yaml:3:23 models."x-*".naer: there is no provider of this name; did you mean near?',
    ])
  })

  it('refuse URLs and headers that cannot work', () => {
    for (const url of ['ftp://x.example', 'x.example', 'https://x.example?a=1', 'https://u:pw@x.example']) {
      expect(problemsOf(provider(`credential: none, baseUrl: '${url}'`))).toHaveLength(1)
    }
    for (const header of ['Host: a', 'Authorization: Bearer a', 'Api-Key: a', '"x y": a', 'x-a: "a\\nb"']) {
      expect(problemsOf(provider(`headers: { ${header} }`))).toHaveLength(1)
    }
    expect(problemsOf(provider('headers: { X-A: a, x-a: b }'))).toEqual([expect.stringContaining('stands twice')])
  })
})

describe('a secret in the file', () => {
  const secrets = ['sk-ant-api03-abcdef', 'tell-no-one', 'ghp_abcdefghijkl', 'hunter2']
  const places: readonly ((secret: string) => string)[] = [
    (secret) => provider(`credential: ${secret}`),
    (secret) => provider(`credential: [${secret}]`),
    (secret) => provider(`credential: { ${secret}: 1 }`),
    (secret) => provider(`credential: { value: ${secret} }`),
    (secret) => provider(`credential: { env: [${secret}] }`),
    (secret) => provider(`credential: { env: A, file: ${secret} }`),
    (secret) => provider(`credential: { env: A, header: ${secret} }`),
    (secret) => provider(`credential: { adc: [${secret}] }`),
    (secret) => provider(`credential: { adc: a.json, header: ${secret} }`),
    (secret) => `providers: { a: { kind: vertex, project: p, credential: { adc: ${secret}, env: A } } }`,
    (secret) => provider(`credential: { command: ${secret} }`),
    (secret) => provider(`apiKey: ${secret}`),
    (secret) => provider(`headers: { x-api-key: ${secret} }`),
    (secret) => provider(`headers: { authorization: [${secret}] }`),
    (secret) => provider(`baseUrl: "https://u:${secret}@x.example"`),
    (secret) => provider(`proxy: "socks://u:${secret}@x.example"`),
    (secret) => `${provider('')}\ndatabase: { url: "mysql://u:${secret}@x" }`,
    (secret) => provider(`credential: "${secret}`),
  ]
  it('is refused and never repeated, wherever it stands', () => {
    for (const secret of secrets) {
      for (const text of places.map((put) => put(secret))) {
        const problems = problemsOf(text)
        expect(problems.length, text).toBeGreaterThan(0)
        expect(problems.join('\n'), text).not.toContain(secret)
      }
    }
  })

  it('that looks like one is not repeated where no secret belongs', () => {
    const [problem] = problemsOf(`${provider('credential: none')}\ntimeZone: sk-ant-api03-abcdef`)
    expect(problem).toContain('timeZone: expected a time zone')
    expect(problem).not.toContain('sk-ant')
  })

  it('is answered with the right form', () => {
    const [problem] = problemsOf(provider('credential: sk-ant-api03-abc'))
    expect(problem).toContain('credential: { env: MY_API_KEY }')
  })

  it('is recognised where the name of a variable belongs', () => {
    const problems = problemsOf(provider('credential: { env: ghp_abcdefghijkl }'))
    expect(problems).toEqual([expect.stringContaining('credential.env: expected the name of an environment variable')])
  })
})

describe('a mistaken key', () => {
  const paths = keyPaths()
    .map(({ path }) => path)
    .filter((path) => !path.at(-1)?.startsWith('<'))

  const typo = fc
    .record({
      path: fc.constantFrom(...paths),
      mistake: fc.constantFrom('delete', 'insert', 'replace', 'swap'),
      at: fc.nat(),
      letter: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'),
    })
    .map(({ path, mistake, at, letter }) => {
      const key = path.at(-1) ?? ''
      const index = at % key.length
      const [start, end] = [key.slice(0, index), key.slice(index + 1)]
      const made = {
        delete: start + end,
        insert: start + letter + key.slice(index),
        replace: start + letter + end,
        swap: start + end.slice(0, 1) + key.charAt(index) + end.slice(1),
      }
      return { path, key, wrong: made[mistake as keyof typeof made] }
    })
    .filter(({ path, wrong }) => {
      const around = keysAt(path.slice(0, -1))
      const valid = around?._tag === 'Block' && (around.keys.has(wrong) || Object.hasOwn(around.hints, wrong))
      return wrong !== '' && !valid && !(around?._tag === 'Block' && around.later.includes(wrong))
    })

  it('of one letter is always answered with the right one', () => {
    const at = place()
    fc.assert(
      fc.property(typo, ({ path, key, wrong }) => {
        const whole = [...path.slice(0, -1).map((name) => (name.startsWith('<') ? 'p' : name)), wrong]
        const value = whole.reduceRight<unknown>((inner, name) => ({ [name]: inner }), 'x')
        at.write('signalbox.yaml', stringify(value))
        const loaded = at.load()
        const found = Result.isFailure(loaded)
          ? loaded.failure.problems.find(({ key }) => key === whole.join('.'))
          : undefined
        expect(found?.kind).toBe('unknownKey')
        expect(found?.suggestions).toContain(key)
      }),
      { numRuns: 400 },
    )
  })
})
