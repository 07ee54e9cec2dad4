/** The pod of the client in Go and of the Job controller: the least that Pod Security accepts. */
export const smallPodSpec = {
  restartPolicy: 'Never',
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'job',
      image: 'example.org/job:1',
      command: ['run-job'],
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
  ],
}
