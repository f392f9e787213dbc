/**
 * Invented credentials of every form that is recognised: what it is, what stands before it, the credential.
 */
const letters = (length: number): string => 'aB3dE5fG7hJ9kL2mN4pQ6rS8tU'.repeat(4).slice(0, length)

export const CREDENTIALS: readonly (readonly [what: string, before: string, secret: string])[] = [
  ['an Anthropic key', 'key ', `sk-ant-api03-${letters(30)}`],
  ['a short canary', '', 'sk-ant-canary-77aa'],
  ['an OpenAI project key', 'OPENAI_API_KEY=', `sk-proj-${letters(40)}`],
  ['an OpenRouter key', '', `sk-or-v1-${letters(40)}`],
  ['a client key of Signalbox', 'x-signalbox-key: ', `sbx_${letters(43)}`],
  ['a bearer token', 'authorization: Bearer ', letters(32)],
  ['a bearer token with a digit', 'Bearer ', 'abc.def-42'],
  ['the id of an access key of AWS', '', 'AKIAIOSFODNN7EXAMPLE'],
  ['a secret access key of AWS', 'aws_secret_access_key = ', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  ['a token of GitHub', '', `ghp_${letters(36)}`],
  ['a fine-grained token of GitHub', '', `github_pat_${letters(60)}`],
  ['a token of GitLab', '', `glpat-${letters(20)}`],
  ['a token of npm', '', `npm_${letters(36)}`],
  ['a token of Slack', '', `xoxb-123456789012-${letters(24)}`],
  ['an API key of Google', 'key=', `AIzaSy${letters(33)}`],
  ['an access token of Google', '', `ya29.${letters(60)}`],
  ['a JSON Web Token', '', `eyJ${letters(20)}.eyJ${letters(40)}.${letters(40)}`],
  [
    'a private key',
    '',
    `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n${letters(64)}\n${letters(64)}==\n-----END RSA PRIVATE KEY-----`,
  ],
]
