import { table } from "./figures.ts";

/** Published figures of others: other machines, other work. They say what is usual, no more. */
export const CLUSTER_PEERS = [
  "### What others publish",
  "",
  "Measured by others, on their machines, mostly with real containers: a scale, not a race.",
  "",
  table(
    ["who", "figure", "on what"],
    [
      ["Nomad 0.3.1, C1M (hashicorp.com)", "3,750 tasks/s", "5,000 GCE hosts"],
      ["Nomad 1.0, C2M (hashicorp.com)", "about 1,500 tasks/s", "6,100 spot hosts in 10 regions"],
      ["kube-scheduler (scheduler_perf)", "680 to 810 pods/s", "its CI gate: 5,000 fake nodes"],
      ["GKE", "1,000 pods/s", "130,000 nodes, Spanner as the store"],
      ["EKS", "500 pods/s", "100,000 nodes, etcd in tmpfs"],
      ["Goedel", "1,000 pods/s, peak 1,300", "30,000 KWOK nodes"],
      ["YuniKorn", "833 pods/s", "5,000 KWOK nodes"],
      ["Ray (its release tests)", "568 tasks/s end to end", "its CI machines"],
      [
        "SwarmKit's scheduler alone",
        "10,900 to 18,700 tasks/s",
        "2 cores like these; 1,000 nodes, in memory, nothing on disk or on a wire",
      ],
      ["Docker Swarm, real containers", "19 tasks/s", "2 cores like these; host network"],
    ],
  ),
  "",
  "Idle: Nomad holds heartbeats to 50/s altogether by making them rarer, Swarm sends n/5 a second, Kubernetes n/10; a k3s server takes 6 % of a core and 1.6 GB, its agent 3 % and 275 MB.",
].join("\n");
