/** Close codes of RFC 6455 and its registry. */
export const closeCodes = { goingAway: 1001, unsupported: 1003, policy: 1008, tryAgainLater: 1013 } as const
