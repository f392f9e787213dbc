import { describe, expect, it } from 'vitest'
import { claudeEnvironment } from '#cli/code.ts'

const url = 'http://127.0.0.1:8080'
const around = { url, clientCredential: true, folder: 'signalbox' }

describe('the environment of Claude Code', () => {
  it('leads to Signalbox, with any word for a credential where Signalbox holds the real one', () => {
    const own = { ANTHROPIC_API_KEY: 'tell-no-one', PATH: '/bin' }
    expect(claudeEnvironment(own, { ...around, clientCredential: false })).toEqual({
      PATH: '/bin',
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: 'signalbox',
      ANTHROPIC_CUSTOM_HEADERS: 'x-signalbox-project: signalbox',
      CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1',
    })
  })

  it('keeps the user’s credential only where a provider wants it', () => {
    const own = { ANTHROPIC_API_KEY: 'mine', ANTHROPIC_AUTH_TOKEN: 'my-login' }
    expect(claudeEnvironment(own, { ...around, clientCredential: true })).toMatchObject(own)
    expect(claudeEnvironment(own, { ...around, clientCredential: false })).toMatchObject({
      ANTHROPIC_AUTH_TOKEN: 'signalbox',
    })
  })

  it('does not let it go to a cloud past Signalbox', () => {
    const own = { CLAUDE_CODE_USE_VERTEX: '1', CLAUDE_CODE_USE_BEDROCK: '1', CLAUDE_CODE_USE_FOUNDRY: '1' }
    const names = Object.keys(claudeEnvironment(own, { ...around, clientCredential: false }))
    expect(names.filter((name) => name.startsWith('CLAUDE_CODE_USE_'))).toEqual([])
  })

  it('leaves the user’s own choice about model discovery', () => {
    const own = { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '0' }
    expect(claudeEnvironment(own, { ...around, clientCredential: false })).toMatchObject(own)
  })
})

describe('certificates towards a Signalbox with TLS', () => {
  const tls = { ca: '/tls/ca.pem', identity: { certFile: '/tls/me.crt', keyFile: '/tls/me.key' } }

  it('are those of the commands, in Claude Code’s own variables', () => {
    expect(claudeEnvironment({}, { ...around, tls })).toMatchObject({
      NODE_EXTRA_CA_CERTS: '/tls/ca.pem',
      CLAUDE_CODE_CLIENT_CERT: '/tls/me.crt',
      CLAUDE_CODE_CLIENT_KEY: '/tls/me.key',
    })
  })

  it('are the user’s own where there are such, and none where nobody names any', () => {
    const own = { NODE_EXTRA_CA_CERTS: '/mine/ca.pem', CLAUDE_CODE_CLIENT_CERT: '/mine/me.crt' }
    const made = claudeEnvironment(own, { ...around, tls })
    expect(made).toMatchObject(own)
    expect(made).not.toHaveProperty('CLAUDE_CODE_CLIENT_KEY')
    expect(Object.keys(claudeEnvironment({}, { ...around, tls: undefined }))).not.toContain('NODE_EXTRA_CA_CERTS')
  })
})

describe('a key to Signalbox', () => {
  it.each(['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY'])('is kept in %s, for it is meant for it', (name) => {
    const own = { [name]: 'sbx_0123456789abcdefghijABCDEFGHIJ01' }
    expect(claudeEnvironment(own, { ...around, clientCredential: false })).toMatchObject(own)
  })
})

describe('the project', () => {
  const headersOf = (own: string | undefined, more: { folder?: string; project?: string } = {}) =>
    claudeEnvironment(own === undefined ? {} : { ANTHROPIC_CUSTOM_HEADERS: own }, { ...around, ...more })
      .ANTHROPIC_CUSTOM_HEADERS

  it('is the name of the folder, beside the headers that the user has set', () => {
    expect(headersOf(undefined)).toBe('x-signalbox-project: signalbox')
    expect(headersOf('x-team: red\nx-cost: 7')).toBe('x-team: red\nx-cost: 7\nx-signalbox-project: signalbox')
  })

  it('is what the user says, in the headers or, above them, with --project', () => {
    const own = 'X-Signalbox-Project: mine\nx-team: red'
    expect(headersOf(own)).toBe(own)
    expect(headersOf(own, { project: 'other' })).toBe('x-team: red\nx-signalbox-project: other')
  })

  it('is none where the folder has no name', () => {
    expect(headersOf(undefined, { folder: '' })).toBeUndefined()
  })

  it('goes through a header whatever it is called', () => {
    expect(headersOf(undefined, { folder: 'Büro 100% \n日本' })).toBe(
      'x-signalbox-project: B%C3%BCro 100%25 %0A%E6%97%A5%E6%9C%AC',
    )
  })
})
