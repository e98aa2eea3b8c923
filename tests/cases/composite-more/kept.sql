select id, (l).f.x, (l).t.z, (l).via[1].y, ps[1].z from t
