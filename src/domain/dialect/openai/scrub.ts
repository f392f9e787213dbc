/**
 * What a provider's message must not tell the client: which account Signalbox uses (Anthropic's own gateway leaves project
 * ids out, providers 2.5), and keys, which some servers quote in part.
 */
export const scrub = (message: string): string =>
  SECRETS.reduce((text, [pattern, replacement]) => text.replaceAll(pattern, replacement), message)

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // Keys, by the beginnings that vendors give them; before the ids, which may be parts of a key.
  [/\b(?:sk|gsk|xai|pk)-[\w*.-]{6,}|\b(?:ghp_|github_pat_|gsk_|AIza|ya29\.|AKIA)[\w*.-]{6,}/g, '…'],
  // Google: `projects/my-project/locations/…`, `Project `000000000000``, `project_number:123`, `project: 123`.
  [/\b(projects\/)[^/\s`'"]+/gi, '$1…'],
  [/\b(project )([`'"])[^`'"]+\2/gi, '$1$2…$2'],
  [/\b(project(?:[ _](?:number|id))?[:# ]\s*)\d{6,}/gi, '$1…'],
  // Amazon: the account in `arn:aws:bedrock:us-east-1:123456789012:…`.
  [/\b(arn:aws[\w-]*:[\w-]*:[\w-]*:)\d{12}\b/g, '$1…'],
  // OpenAI: "in organization org-…", "project proj_…".
  [/\b(org|proj)([-_])[A-Za-z0-9_-]{4,}/g, '$1$2…'],
]
