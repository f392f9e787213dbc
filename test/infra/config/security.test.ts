/**
 * What of the configuration decides who may reach Signalbox, and whom it may reach.
 */
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { serverUrl } from '#cli/server-url.ts'
import { formatProblem } from '#infra/config/problem.ts'
import { redactedConfig } from '#infra/config/redacted-config.ts'
import { place } from './place.ts'

const BASE = 'providers: { a: { kind: anthropic } }\n'
const withServer = (server: string) => place({ 'signalbox.yaml': `${BASE}server: ${server}\n` })
const withProvider = (provider: string) =>
  place({ 'signalbox.yaml': `providers: { a: { kind: anthropic-compatible, ${provider} } }\n` })
const warnings = (test: ReturnType<typeof place>) => test.good().warnings.map(formatProblem)

describe('TLS of the server', () => {
  it('is two files, and perhaps the authorities of clients', () => {
    const test = withServer('{ tls: { certFile: tls/box.crt, keyFile: /etc/box.key, clientCaFile: ~/ca.pem } }')
    expect(test.good().server.tls).toEqual({
      certFile: `${test.folder}/tls/box.crt`,
      keyFile: '/etc/box.key',
      clientCaFile: `${test.folder}/home/ca.pem`,
      minVersion: 'TLSv1.2',
    })
    const commands = 'commands: { ca: ca.pem, certFile: me.crt, keyFile: me.key }'
    const { folder, good } = withServer(`{ tls: { certFile: a, keyFile: b, ${commands} } }`)
    expect(good().server.tls?.commands).toEqual({
      ca: `${folder}/ca.pem`,
      identity: { certFile: `${folder}/me.crt`, keyFile: `${folder}/me.key` },
    })
    expect(withServer('{ tls: { certFile: a, keyFile: b, minVersion: TLSv1.3 } }').good().server.tls).toMatchObject({
      minVersion: 'TLSv1.3',
    })
    expect(withServer('{ port: 1 }').good().server).not.toHaveProperty('tls')
  })

  it.each([
    ['{ tls: { certFile: a } }', /server\.tls\.keyFile/],
    ['{ tls: { certFile: a, keyFile: b, minVersion: TLSv1.1 } }', /server\.tls\.minVersion/],
    ['{ tls: { certFile: a, keyFile: b, commands: { certFile: c } } }', /server\.tls\.commands\.keyFile/],
    ['{ tls: { cert: a, keyFile: b } }', /server\.tls\.cert: unknown key; did you mean certFile/],
  ])('is not %s', (server, message) => {
    expect(withServer(server).problems().join('\n')).toMatch(message)
  })

  it('is called by its commands under the name that it has', () => {
    const tls = 'tls: { certFile: a, keyFile: b }'
    expect(serverUrl(withServer(`{ ${tls}, port: 8443, allowedHosts: [box.example.com] }`).good())).toBe(
      'https://box.example.com:8443',
    )
    expect(serverUrl(withServer(`{ ${tls}, host: 0.0.0.0 }`).good())).toBe('https://127.0.0.1:8080')
    expect(serverUrl(withServer('{ allowedHosts: [box.example.com] }').good())).toBe('http://127.0.0.1:8080')
  })
})

describe('a certificate to show to a provider', () => {
  it('is a file and its key', () => {
    const test = withProvider('baseUrl: https://x.example, tls: { ca: ca.pem, certFile: me.crt, keyFile: me.key }')
    expect(test.good().providers[0]?.tls).toEqual({
      ca: `${test.folder}/ca.pem`,
      identity: { certFile: `${test.folder}/me.crt`, keyFile: `${test.folder}/me.key` },
    })
  })

  it.each([
    ['certFile', 'keyFile'],
    ['keyFile', 'certFile'],
  ])('is not %s alone', (given, missing) => {
    expect(withProvider(`baseUrl: https://x.example, tls: { ${given}: x }`).problems()).toEqual([
      expect.stringContaining(`providers.a.tls.${missing}: is missing; certFile and keyFile go together`),
    ])
  })
})

describe('where a provider leads', () => {
  it.each(['http://169.254.169.254', 'http://[fd00:ec2::254]/v1', 'http://[::ffff:a9fe:a9fe]', 'http://0xa9fea9fe'])(
    'is never a metadata service: %s',
    (url) => {
      for (const more of ['', ', allowPrivate: true']) {
        expect(withProvider(`baseUrl: '${url}'${more}`).problems()).toEqual([
          expect.stringMatching(/providers\.a\.baseUrl: leads to \S+, where link-local or metadata services are/),
        ])
      }
    },
  )

  it('is private where somebody says so', () => {
    const allowed = (text: string) => withProvider(text).good().providers[0]?.allowPrivate
    expect(allowed('baseUrl: https://models.corp.example, allowPrivate: true')).toBe(true)
    expect(allowed('baseUrl: https://models.corp.example')).toBeUndefined()
    expect(withProvider("baseUrl: 'http://10.0.0.7', allowPrivate: false").problems()).toEqual([
      expect.stringContaining('providers.a.allowPrivate: is false, but 10.0.0.7 in baseUrl is a private address'),
    ])
  })

  it('is warned of where anybody on the way can read it', () => {
    const about = (url: string, more = '') =>
      warnings(withProvider(`baseUrl: '${url}', models: { '*': m }${more}`)).filter((line) =>
        line.includes('unencrypted'),
      )
    expect(about('http://api.example.com', ', credential: { env: KEY }')).toEqual([
      expect.stringContaining('sends prompts and the credential unencrypted over the internet; use https'),
    ])
    expect(about('http://api.example.com', ', credential: none')).toEqual([
      expect.stringContaining('sends prompts unencrypted'),
    ])
    for (const url of ['https://api.example.com', 'http://localhost:1', 'http://192.168.0.9', 'http://ollama:11434']) {
      expect(about(url)).toEqual([])
    }
    expect(about('http://models.corp.example', ', allowPrivate: true')).toEqual([])
  })
})

describe('a password in a URL', () => {
  const file = `providers: { a: { kind: anthropic, proxy: 'http://ada:tell-no-one@proxy.example:3128' } }\n`

  it('is warned of, where other users can read the file, and shown nowhere', () => {
    const test = place({ 'signalbox.yaml': file })
    chmodSync(join(test.folder, 'signalbox.yaml'), 0o644)
    expect(warnings(test)).toEqual([
      expect.stringMatching(
        /providers\.a\.proxy: holds a password, and other users can read the file; `chmod 600` it, or use the variable SIGNALBOX_PROVIDERS__A__PROXY$/,
      ),
    ])
    chmodSync(join(test.folder, 'signalbox.yaml'), 0o600)
    expect(warnings(test)).toEqual([])
    expect(JSON.stringify(redactedConfig(test.good()))).not.toContain('tell-no-one')
  })

  it('is nobody’s concern in a variable', () => {
    const environment = { SIGNALBOX_PROVIDERS__A__PROXY: 'http://ada:tell-no-one@proxy.example:3128' }
    expect(place({ 'signalbox.yaml': BASE }).good({ environment }).warnings).toEqual([])
  })
})

describe('connections and observers', () => {
  it('are left to the server where nothing is said', () => {
    const { server } = withServer('{ port: 1 }').good()
    expect(server).not.toHaveProperty('maxConnectionsPerAddress')
    expect(server).not.toHaveProperty('openMetrics')
  })

  it('are what is said', () => {
    expect(withServer('{ maxConnectionsPerAddress: 0, openMetrics: false }').good().server).toMatchObject({
      maxConnectionsPerAddress: 0,
      openMetrics: false,
    })
  })
})
