import { describe, expect, it } from 'vitest'
import { claudeEnvironment } from '#cli/code.ts'

const url = 'http://127.0.0.1:8080'

describe('the environment of Claude Code', () => {
  it('leads to Signalbox, with any word for a credential where Signalbox holds the real one', () => {
    const own = { ANTHROPIC_API_KEY: 'tell-no-one', PATH: '/bin' }
    expect(claudeEnvironment(own, url, false)).toEqual({
      PATH: '/bin',
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_AUTH_TOKEN: 'signalbox',
      CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1',
    })
  })

  it('keeps the user’s credential only where a provider wants it', () => {
    const own = { ANTHROPIC_API_KEY: 'mine', ANTHROPIC_AUTH_TOKEN: 'my-login' }
    expect(claudeEnvironment(own, url, true)).toMatchObject(own)
    expect(claudeEnvironment(own, url, false)).toMatchObject({ ANTHROPIC_AUTH_TOKEN: 'signalbox' })
  })

  it('does not let it go to a cloud past Signalbox', () => {
    const own = { CLAUDE_CODE_USE_VERTEX: '1', CLAUDE_CODE_USE_BEDROCK: '1', CLAUDE_CODE_USE_FOUNDRY: '1' }
    const names = Object.keys(claudeEnvironment(own, url, false))
    expect(names.filter((name) => name.startsWith('CLAUDE_CODE_USE_'))).toEqual([])
  })

  it('leaves the user’s own choice about model discovery', () => {
    const own = { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '0' }
    expect(claudeEnvironment(own, url, false)).toMatchObject(own)
  })
})
