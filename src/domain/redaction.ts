/**
 * Credentials in texts that are kept: what looks like one is replaced before the text is written anywhere. By form alone, so a
 * password in plain words stays; operators name what else must go.
 */

/** What stands in the place of a credential: it may stand inside a JSON string. */
export const REDACTED = '[redacted]'

/** Forms of credentials, each with the flag `g`. */
export const CREDENTIAL_FORMS: readonly RegExp[] = [
  // Private keys in PEM; line breaks may be escaped, and the end may be missing.
  /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s\\:,-]*?-----END [A-Z ]{0,20}PRIVATE KEY-----|[A-Za-z0-9+/=\s\\:,-]*)/g,
  // Anthropic, OpenAI, OpenRouter and many who took their form; Signalbox's own client keys.
  /(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{8,}/g,
  /(?<![A-Za-z0-9])sbx_[A-Za-z0-9_-]{8,}/g,
  // A token behind its scheme; a word of prose behind it is short and has no digit.
  /(?<=\bbearer\s{1,4})(?:(?=[^\s"'\\]*\d)[A-Za-z0-9._~+/=-]{8,}|[A-Za-z0-9._~+/=-]{16,})/gi,
  // Amazon: ids of access keys, and what their name stands before.
  /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/g,
  /(?<=secret_?access_?key["'\\\s]{0,8}[=:]["'\\\s]{0,8})[A-Za-z0-9/+]{40}/gi,
  // GitHub, GitLab, npm, Slack.
  /(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{30,}|xox[abeoprs]-[\w-]{10,})/g,
  // Google: API keys, access tokens, client secrets.
  /(?<![A-Za-z0-9])(?:AIza[\w-]{30,}|ya29\.[\w.-]{16,}|GOCSPX-[\w-]{16,})/g,
  // JSON Web Tokens.
  /(?<![A-Za-z0-9])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/g,
]

export interface RedactedText {
  readonly text: string
  /** How many were replaced. */
  readonly found: number
}

/** Where a credential lies: from, and just behind it. */
export type Span = readonly [from: number, to: number]

/** @param forms each with the flag `g` */
export const redact = (text: string, forms: readonly RegExp[]): RedactedText => {
  const spans = spansOf(text, forms)
  let kept = ''
  let from = 0
  for (const [start, end] of spans) {
    kept += text.slice(from, start) + REDACTED
    from = end
  }
  return { text: kept + text.slice(from), found: spans.length }
}

/**
 * Where credentials lie, in order and apart from each other. All forms look at the text as it was: what one of them replaced may
 * be what another knows its credential by.
 */
export const spansOf = (text: string, forms: readonly RegExp[]): readonly Span[] => {
  const spans: [number, number][] = []
  const all = forms
    .flatMap((form) => [...text.matchAll(form)])
    // A form of an operator may fit nothing at all, everywhere.
    .filter(([match]) => match !== '' && match !== REDACTED)
    .map((match): [number, number] => [match.index, match.index + match[0].length])
    .toSorted((a, b) => a[0] - b[0])
  for (const [from, to] of all) {
    const last = spans.at(-1)
    if (last !== undefined && from < last[1]) last[1] = Math.max(last[1], to)
    else spans.push([from, to])
  }
  return spans
}
