/** Token file of `make run`. Known to everybody: for a cluster on one's own machine. */
export const localTokens = `your-token,local,local,runnerhub:admins
viewer-token,local-viewer,local-viewer,"runnerhub:viewers,runnerhub:metrics"
`
