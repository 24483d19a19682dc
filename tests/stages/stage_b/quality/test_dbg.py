from test_quality_job import *
from stages.stage_b.jobs.snapshots import _load, added_rows
def test_x(lake):
    sp=lake.spark
    sp.sql(f"insert into glue_catalog.{lake.table} values (2, '01', 1.50, 'o2'), (3, 'bc', 2.50, 'o2'), (3, 'a*b', 2.50, 'o2'), (3,'u[c]',2.5,'o2'), (3,'v w', 1.0, 'o'), (4,'x',1.0,'0')")
    l=sp._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(sp._jsparkSession, f"glue_catalog.{lake.table}")
    f=l.currentSnapshot()
    files=[str(x.path()) for x in f.addedDataFiles(l.io())]
    for x in files:
        for g in ("true","false"):
            try: print(g, x.split('/')[-2], sp.read.option("__globPaths__",g).parquet(x).collect())
            except Exception as e: print(g, x,'X',str(e)[:150])
    def n(fs,**o):
        r=sp.read
        for k,v in o.items(): r=r.option(k,v)
        try: return sorted((a.place) for a in r.parquet(*fs).collect())
        except Exception as e: return str(e)[:100]
    plain=[x for x in files if 'place=01' in x or 'place=bc' in x or 'place=x' in x]
    print('plain', n(plain), n(plain,__globPaths__="false"))
    print('all',n(files), n(files,__globPaths__="false"))
    for x in files: print('01 and', x.split('/')[-2], n([x for x in files if 'place=01' in x]+[x],__globPaths__="false"))
    print('rec', n(files,__globPaths__="false",recursiveFileLookup="true"))
