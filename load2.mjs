import {startHollowCluster} from './dist/bench/hollow-cluster.js';
import {runRound} from './dist/bench/cluster-load.js';
const N=Number(process.argv[2]??1000), T=Number(process.argv[3]??10000);
const c=await startHollowCluster(N);
const t0=performance.now(); const log=(...w)=>console.log(((performance.now()-t0)/1000).toFixed(1),...w);
const poll=setInterval(async()=>{try{const {cluster}=await c.manager.getCluster({});log(JSON.stringify(Object.fromEntries(cluster.taskCounts.map(x=>[x.state,x.count]))),'ready',cluster.readyWorkerCount,cluster.brakeReason, 'cpu',['manager','registry'].map(k=>c.processes[k].cpuSeconds().toFixed(1)).join('/'),c.processes.workers.map(w=>w.cpuSeconds().toFixed(1)).join('/'));}catch(e){log(e.message)}},1000);
try{ for(let r=0;r<Number(process.argv[4]??4);r++){const x=await Promise.race([runRound(c,{tasks:r===0?T/4:T,tasksPerCall:1000,callsAtOnce:8}),new Promise(r=>setTimeout(()=>r('STUCK'),45000))]);log(x==='STUCK'?x:`round ${x.tasks/x.seconds}`);if(x==='STUCK')break;}}
catch(e){log(String(e))}
finally{clearInterval(poll);await c.stop();process.exit(0)}
